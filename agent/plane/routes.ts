import * as z from "zod";
import { RequestProblem, type Routes } from "../server";
import { readBackup } from "./backup-text";
import type { Participant } from "./participant";

const restored = z.strictObject({ registry: z.string() });

/** What can be asked about what directors share, and done to it. */
export function planeRoutes(plane: Participant | undefined): Routes {
  const among = <T>(act: (shared: Participant) => Promise<T>) => {
    if (plane) return act(plane);
    throw new RequestProblem(
      404,
      "not found",
      "this director shares with nobody: its Cluster declares no etcd",
    );
  };
  return {
    "GET /v1/plane": () => among((shared) => shared.ask()),
    "GET /v1/store": () => among((shared) => shared.check()),
    "GET /v1/store/backup": () => among(backedUp),
    "POST /v1/store/accept": () =>
      among(async (shared) => {
        await shared.member.accept();
        return shared.told();
      }),
    "POST /v1/store/restore": ({ body }) =>
      among(async (shared) => {
        const { data } = restored.safeParse(body);
        if (!data) throw new RequestProblem(400, "bad request", "expected { registry: text }");
        return shared.restore(readBackup(data.registry));
      }),
  };
}

async function backedUp(plane: Participant) {
  const found = await plane.backup();
  if (found) return found;
  throw new RequestProblem(404, "not found", "etcd holds nothing below this prefix");
}
