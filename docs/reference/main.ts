import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { MANIFEST_FILE, manifestText } from "../../kubernetes/manifest-text";
import { PROJECT_ROOT } from "../../setup/project";
import { REFERENCE_FILE, referencePage } from ".";

writeFileSync(join(PROJECT_ROOT, REFERENCE_FILE), referencePage());
writeFileSync(join(PROJECT_ROOT, MANIFEST_FILE), manifestText());
console.log(`written: ${REFERENCE_FILE}, ${MANIFEST_FILE}`);
