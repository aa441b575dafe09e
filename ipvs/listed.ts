import { type ServiceProtocol, serviceKey } from "./model";

const PROTOCOLS: Readonly<Record<string, ServiceProtocol>> = { TCP: "tcp", UDP: "udp", SCTP: "sctp" };
const SERVICE = /^(TCP|UDP|SCTP) +(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):([0-9]+) /;
/** Signed, where it is 2^31 or more: see `parseTable`. */
const MARK = /^FWM +(-?[0-9]+) (IPv6 )?/;

/**
 * The key of the service that a line of `ipvsadm --list -n` is about (ipvsadm.c, print_service_entry); undefined: it is
 * about none.
 */
export function listedService(line: string): string | undefined {
  const [, printed, isIPv6] = MARK.exec(`${line} `) ?? [];
  if (printed !== undefined) {
    const mark = Number(printed) >>> 0;
    return serviceKey({ protocol: "fwmark", address: isIPv6 ? `${mark} -6` : String(mark), port: 0 });
  }
  const [, name = "", v6, v4, port] = SERVICE.exec(`${line} `) ?? [];
  const protocol = PROTOCOLS[name];
  return protocol && serviceKey({ protocol, address: v6 ?? v4 ?? "", port: Number(port) });
}
