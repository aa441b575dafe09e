/**
 * IPVS over generic netlink, as functions of plain data: requests to bytes, answers to entries, and entries to the words
 * of `ipvsadm --save -n`. Opens no socket; agent/netlink/ does.
 */
export { FAMILIES } from "./address";
export {
  type Body,
  destinationsBody,
  dumpRequest,
  editBody,
  editRequest,
  IPVS,
  servicesBody,
} from "./commands";
export { destinationEntry, keyOf, serviceEntry, UnknownOptionError } from "./convert";
export { readDestination, readDestinationTraffic } from "./destination";
export type { DestinationEntry, ServiceEntry } from "./entries";
export { familyRequest, readFamily } from "./family";
export { glanceKey, glancesOf, hasTunnels } from "./glance";
export { type Answer, encodeRequest, readAnswers } from "./message";
export { ERRNO, errnoText, refusal } from "./refusal";
export { savedLines } from "./saved";
export { readService, readServiceTraffic } from "./service";
export { NetlinkSyntaxError } from "./syntax-error";
