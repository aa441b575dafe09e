import { randomUUID } from "node:crypto";
import type * as dynamic from "@pulumi/pulumi/dynamic";
import type { DirectorEntry } from "../../lab";
import { BareSsh } from "../ssh";

/** What `remote.Command` of @pulumi/command does with `create`: a login, one command, the end of the session. */
export const provider: dynamic.ResourceProvider = {
  async create({ director, create }: { director: DirectorEntry; create: string }) {
    const session = await BareSsh.login(director);
    try {
      return { id: randomUUID(), outs: { create, stdout: await session.run(create) } };
    } finally {
      await session.close();
    }
  },
};
