import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { PROJECT_ROOT } from "../../setup/project";
import { REFERENCE_FILE, referencePage } from ".";

writeFileSync(join(PROJECT_ROOT, REFERENCE_FILE), referencePage());
console.log(`written: ${REFERENCE_FILE}`);
