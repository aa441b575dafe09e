import * as z from "zod";
import { canRise, timing } from "../check-timing";

/** TCP: a completed handshake counts as alive. */
export const tcpCheck = z.strictObject({ type: z.literal("tcp"), ...timing }).check(canRise);
