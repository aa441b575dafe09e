import { AgentSite } from "./agent-site";
import { storeCases } from "./store-cases";

describe("what is declared, in a director's own file,", () => {
  storeCases(async () => {
    const site = await AgentSite.up();
    return {
      ...{ sites: [site], isAgreedFirst: false },
      settle: async () => undefined,
      down: () => site.down(),
    };
  });
});
