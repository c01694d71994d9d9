export { createDescribeStage, describeStage } from "./describe/describe-stage.ts";
export { createFacesStage, facesStage } from "./faces/faces-stage.ts";
export { createObjectsStage, objectsStage } from "./objects/objects-stage.ts";
export { createTextStage, textStage } from "./text/text-stage.ts";
