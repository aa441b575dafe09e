/**
 * The controller for Kubernetes: checks the servers that annotated Endpoints and EndpointSlices name, and writes into these
 * objects which of them are ready. What is to be asked and written follows from objects and verdicts by functions of plain
 * data (`wanted.ts`, `plan.ts`, `belief.ts`, `lease.ts`); around them are copies of collections, a writer, Leases and
 * Events; `share/` is how replicas divide the work. Runs from a bundled file of its own (setup/bundle.ts), as `heye-agent kubernetes`; of the library for Kubernetes
 * only the reading of kubeconfigs is used. `manifest.ts` is what it needs in a cluster, as data.
 */
export { type Annotations, type Declaration, declarationOf, type SecretData } from "./annotations";
export { Api } from "./api";
export { ApiError, StartError } from "./api-errors";
export { Controller, type ControllerOptions } from "./controller";
export { type ManifestObject, type ManifestOptions, manifest } from "./manifest";
export { ANNOTATION, FIELD_MANAGER } from "./names";
export { type Note, type Plan, planOf, type Verdict } from "./plan";
export { type Subject, subjectOfEndpoints, subjectOfSlice } from "./subject";
export { type Wanted, wantedOf } from "./wanted";
