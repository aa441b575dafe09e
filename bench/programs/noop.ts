import { CustomResource } from "@pulumi/pulumi";
import { NOOP_STUB } from "./modules";
import { parameters } from "./parameters";

/** What the program is told. */
export interface NoopParameters {
  readonly count: number;
}

class Resource extends CustomResource {}

/** Resources with the text that leads to their handler, and nothing else. */
const { count } = parameters<NoopParameters>();
for (let index = 0; index < count; index++)
  new Resource("pulumi-nodejs:dynamic/heye:Noop", `noop${index}`, { __provider: NOOP_STUB });
