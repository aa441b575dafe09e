import { CustomResource, secret } from "@pulumi/pulumi";
import type { DirectorEntry } from "../../lab";
import { COMMAND_STUB } from "./modules";
import { parameters } from "./parameters";

/** What the program is told: for each director, services to add and servers to add to them afterwards. */
export interface CommandsParameters {
  readonly directors: readonly DirectorEntry[];
  readonly services: readonly { readonly create: string; readonly members: readonly string[] }[];
}

class Resource extends CustomResource {}

/** One resource for each rule and director. */
const { directors, services } = parameters<CommandsParameters>();
for (const director of directors) {
  const { host, port, user, hostKey } = director;
  const connection = { host, port, user, hostKey, privateKey: secret(director.privateKey) };
  const command = (name: string, create: string, dependsOn: CustomResource[]) =>
    new Resource(
      "pulumi-nodejs:dynamic/heye:Command",
      `${director.name}-${name}`,
      { __provider: COMMAND_STUB, director: connection, create },
      { dependsOn },
    );
  for (const [index, { create, members }] of services.entries()) {
    const service = command(`vs${index}`, create, []);
    for (const [number, member] of members.entries()) command(`vs${index}-rs${number}`, member, [service]);
  }
}
