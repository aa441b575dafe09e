import { PolicyPack } from "@pulumi/policy";
import { inlinePoolServes, separatePoolsServe, serversAreChecked } from "./policies";

new PolicyPack("heye", { policies: [serversAreChecked, inlinePoolServes, separatePoolsServe] });
