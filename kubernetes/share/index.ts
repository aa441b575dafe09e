/**
 * How replicas share the subjects: each holds one of a fixed number of Leases, subjects are divided among those that are held
 * (`division.ts`), and no subject is ever two replicas' at once (`standing.ts`, and the order of turns in `member.ts`). What a
 * Lease says and when it has run out is read by functions of plain data (`slots.ts`); `places.ts` asks the API server.
 */
export { Member, type MemberOptions } from "./member";
