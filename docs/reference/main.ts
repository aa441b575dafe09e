import { writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  DIRECTORS_MANIFEST_FILE,
  EXAMPLE_DIRECTORS,
  MANIFEST_FILE,
  manifestText,
} from "../../kubernetes/manifest-text";
import { PROJECT_ROOT } from "../../setup/project";
import { REFERENCE_FILE, referencePage } from ".";

writeFileSync(join(PROJECT_ROOT, REFERENCE_FILE), referencePage());
writeFileSync(join(PROJECT_ROOT, MANIFEST_FILE), manifestText());
writeFileSync(join(PROJECT_ROOT, DIRECTORS_MANIFEST_FILE), manifestText({ directors: EXAMPLE_DIRECTORS }));
console.log(`written: ${REFERENCE_FILE}, ${MANIFEST_FILE}, ${DIRECTORS_MANIFEST_FILE}`);
