export { type ClusterConfig, clusterConfig } from "./cluster-config.ts";
export { type ClusterPorts, openClusterPorts } from "./open-cluster-ports.ts";
export { untilServed } from "./until-served.ts";
