import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Plugin } from "esbuild";
import * as protobuf from "protobufjs";

/**
 * etcd's client reads the description of its messages from a file beside it when it is loaded. In the bundle the description is
 * part of the program.
 */
export const embedMessages: Plugin = {
  name: "messages of etcd",
  setup({ onLoad }) {
    onLoad({ filter: /etcd3\/lib\/connection-pool\.js$/ }, ({ path }) => {
      const source = readFileSync(path, "utf8");
      const reads = /\.loadSync\)\(`\$\{__dirname\}\/\.\.\/proto\/rpc\.proto`,/;
      if (!reads.test(source)) throw new Error(`${path} reads its messages in another way than it did`);
      // As the client itself reads it: fields keep the names that they have on the wire's description.
      const root = new protobuf.Root().loadSync(join(dirname(path), "..", "proto", "rpc.proto"), {
        keepCase: true,
      });
      return {
        contents: source.replace(reads, () => `.fromJSON)(${JSON.stringify(root.toJSON())},`),
        loader: "js",
      };
    });
  },
};
