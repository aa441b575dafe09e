import { storeCases } from "../unit/store-cases";
import { Directors } from "./directors";
import { EtcdCluster } from "./etcd-cluster";

describe("what is declared, in an etcd that directors share,", () => {
  let etcd: EtcdCluster;

  before(async function () {
    this.timeout(300_000);
    etcd = await EtcdCluster.up(3);
  });
  after(() => etcd?.down());

  storeCases(async () => {
    const directors = await Directors.up({ endpoints: etcd.endpoints });
    return {
      ...{ sites: directors.sites, isAgreedFirst: true },
      settle: () => directors.converge(),
      down: () => directors.down(),
    };
  });
});
