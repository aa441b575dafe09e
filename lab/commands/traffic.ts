import { LabInputError } from "../errors";
import { chosenLab } from "./chosen";
import {
  JSON_DETAIL,
  JSON_OPTION,
  LAB_DETAIL,
  LAB_OPTION,
  type LabCommand,
  parse,
  print,
  printJson,
  wholeNumber,
} from "./command";

/** `heye lab traffic`: code 1 when any request failed. */
export const traffic: LabCommand = {
  usage: "traffic [options] URL",
  summary: "make requests from the client, through the switch",
  details: [
    "URL              http://192.0.2.1/ or tcp://192.0.2.1:7000",
    "--requests N     how many (default: 100)",
    "--concurrency N  how many at a time (default: 4)",
    LAB_DETAIL,
    JSON_DETAIL,
  ],
  run: async (argv) => {
    const { values, positionals } = parse(argv, {
      ...LAB_OPTION,
      ...JSON_OPTION,
      requests: { type: "string", default: "100" },
      concurrency: { type: "string", default: "4" },
    });
    const [url] = positionals;
    if (url === undefined) throw new LabInputError("Expected a target: heye lab traffic http://192.0.2.1/");
    const report = await chosenLab(values.lab).traffic({
      url,
      requests: wholeNumber("--requests", values.requests),
      concurrency: wholeNumber("--concurrency", values.concurrency),
    });
    if (values.json) printJson(report);
    else {
      const { p50, p99, max } = report.latencyMs;
      print(
        `${report.requests} requests in ${(report.durationMs / 1000).toFixed(1)} s, ${report.failed} failed; ` +
          `half within ${p50} ms, 99 % within ${p99} ms, all within ${max} ms`,
        ...Object.entries(report.servers).map(([name, count]) => `  ${name.padEnd(6)} ${count}`),
        ...Object.entries(report.errors).map(([text, count]) => `  failed: ${text}  ${count}`),
      );
    }
    return report.failed === 0 ? 0 : 1;
  },
};
