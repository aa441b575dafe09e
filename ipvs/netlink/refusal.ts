import type { Edit } from "../plan";
import { renderEdit } from "../render";

/** errno of Linux, as far as IPVS and netlink use them. */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EAGAIN: 11,
  ENOMEM: 12,
  EBUSY: 16,
  EEXIST: 17,
  EINVAL: 22,
  EMSGSIZE: 90,
  EAFNOSUPPORT: 97,
  ENOBUFS: 105,
  EOPNOTSUPP: 95,
} as const;

const NAMES = new Map(Object.entries(ERRNO).map(([name, errno]) => [errno as number, name]));

/** What an errno means for any edit. */
const MEANINGS: Readonly<Record<number, string>> = {
  [ERRNO.EPERM]: "Permission denied: it takes CAP_NET_ADMIN",
  [ERRNO.ENOMEM]: "Memory allocation problem",
  [ERRNO.EINVAL]: "Invalid operation: the kernel does not take these options together",
  [ERRNO.EAFNOSUPPORT]: "Address family not supported",
  [ERRNO.EOPNOTSUPP]: "Operation not supported",
};

/** What it means for one kind of edit, where it means something of its own there (ip_vs_ctl.c). */
const OWN: Readonly<Record<Edit["kind"], Readonly<Record<number, string>>>> = {
  "add-service": {
    [ERRNO.EEXIST]: "Service already exists",
    [ERRNO.ENOENT]: "Scheduler or persistence engine not found",
  },
  "edit-service": {
    [ERRNO.ESRCH]: "No such service",
    [ERRNO.ENOENT]: "Scheduler or persistence engine not found",
  },
  "delete-service": { [ERRNO.ESRCH]: "No such service" },
  "add-destination": { [ERRNO.ESRCH]: "No such service", [ERRNO.EEXIST]: "Destination already exists" },
  "edit-destination": { [ERRNO.ESRCH]: "No such service", [ERRNO.ENOENT]: "No such destination" },
  "delete-destination": { [ERRNO.ESRCH]: "No such service", [ERRNO.ENOENT]: "No such destination" },
};

/** An errno for people. */
export function errnoText(errno: number): string {
  const name = NAMES.get(errno) ?? `errno ${errno}`;
  const meaning = MEANINGS[errno];
  return meaning === undefined ? name : `${meaning} (${name})`;
}

/** Why the kernel did not take an edit: the edit as ipvsadm writes it, and the reason in ipvsadm's words. */
export function refusal(edit: Edit, errno: number): string {
  return `${renderEdit(edit)}: ${OWN[edit.kind][errno] ?? errnoText(errno)}`;
}
