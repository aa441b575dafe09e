import {
  type Destination,
  destinationKey,
  type Service,
  type ServiceId,
  type ServiceProtocol,
  serviceKey,
  type Table,
} from "./model";
import type { Edit } from "./plan";

const SELECTORS = { tcp: "-t", udp: "-u", sctp: "--sctp-service", fwmark: "-f" } as const;
const METHODS = { nat: "-m", dr: "-g", tun: "-i" } as const;

/** A table in the format of `ipvsadm --save -n`: what `parseTable` reads and `ipvsadm --restore` takes. */
export function renderTable(table: Table): string {
  return table
    .flatMap((service) => [
      serviceLine("-A", service),
      ...service.destinations.map((destination) => destinationLine("-a", service, destination)),
    ])
    .map((line) => `${line}\n`)
    .join("");
}

/** Edits as lines for the standard input of `ipvsadm --restore`, one command each, in order. */
export function renderEdits(edits: readonly Edit[]): string {
  return edits.map((edit) => `${renderEdit(edit)}\n`).join("");
}

/** One edit as an ipvsadm command line without the program's name. */
export function renderEdit(edit: Edit): string {
  switch (edit.kind) {
    case "add-service":
      return serviceLine("-A", edit.service);
    case "edit-service":
      return serviceLine("-E", edit.service);
    case "delete-service":
      return renderRemoval(serviceKey(edit.service));
    case "add-destination":
      return limitedLine("-a", edit.service, edit.destination);
    case "edit-destination":
      return limitedLine("-e", edit.service, edit.destination);
    case "delete-destination":
      return renderRemoval(serviceKey(edit.service), destinationKey(edit.destination));
  }
}

/** The ipvsadm command line, without the program's name, that removes a service, or one destination of it, by their keys. */
export function renderRemoval(service: string, destination?: string): string {
  const [protocol = "", ...place] = service.split(" ");
  const found = `${SELECTORS[protocol as ServiceProtocol]} ${place.join(" ")}`;
  return destination === undefined ? `-D ${found}` : `-d ${found} -r ${destination}`;
}

function serviceLine(command: string, service: Service): string {
  return withExtra(`${command} ${selector(service)} -s ${service.scheduler}`, service.extra);
}

function destinationLine(command: string, service: ServiceId, destination: Destination): string {
  const line = `${command} ${selector(service)} -r ${destinationKey(destination)} ${METHODS[destination.method]} -w ${destination.weight}`;
  return withExtra(line, destination.extra);
}

/** With the thresholds, which `ipvsadm --save` does not print: an edit without them would take them away. */
function limitedLine(command: string, service: ServiceId, destination: Destination): string {
  const { upper = 0, lower = 0 } = destination.thresholds ?? {};
  const line = destinationLine(command, service, destination);
  return `${line}${upper === 0 ? "" : ` -x ${upper}`}${lower === 0 ? "" : ` -y ${lower}`}`;
}

function selector(service: ServiceId): string {
  return `${SELECTORS[service.protocol]} ${serviceKey(service).slice(service.protocol.length + 1)}`;
}

function withExtra(line: string, extra: string): string {
  return extra === "" ? line : `${line} ${extra}`;
}
