import * as pulumi from "@pulumi/pulumi";
import { ConfigFile, HealthCheckedService, HeyeController } from "pulumi-heye/kubernetes";

// Cloud-native: the cluster forwards, by its Services and kube-proxy; the controller checks servers that Kubernetes cannot
// check, and takes those that are dead out of the Services. README.md writes the configuration.
const config = new pulumi.Config();

// One controller for the whole cluster, or the one that is there already.
const controller = config.getBoolean("controllerIsThere")
  ? { namespace: "heye-system", serviceAccountName: "heye-kubernetes" }
  : new HeyeController("heye", { image: config.require("image") });

// As HeYe's first version takes it: a Service, and Endpoints with `calledSource` and `healthCheckType`.
const shop = new ConfigFile("shop", { file: "shop.yaml" });

// The same in the program, with all parameters of a check: the database of a shop outside the cluster.
const database = new HealthCheckedService("database", {
  metadata: { name: "database", namespace: "shop" },
  ports: [{ name: "mysql", port: 3306 }],
  addresses: config.requireObject<string[]>("databaseServers"),
  healthCheck: {
    type: "mysql",
    user: "heye",
    password: config.requireSecret("databasePassword"),
    readOnly: false,
    intervalMs: 2_000,
  },
  // Reads the Secret that the password goes into, and no other one.
  controller,
});

/** Addresses in the cluster. */
export const services = {
  shop: shop.services["shop/shop"]?.spec.clusterIP,
  database: database.clusterIP,
};
