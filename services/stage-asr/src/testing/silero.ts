import { locateModel, pullModels } from "@heimdex/models";

/** Path of the voice detector, fetched into the model folder where it is not there yet. */
export async function sileroPath(): Promise<string> {
  await pullModels("silero-vad");
  const located = await locateModel("silero-vad");
  const path = located.available ? Object.values(located.files).find((file) => file.endsWith(".onnx")) : undefined;
  if (path === undefined) throw new Error("the voice detector was pulled and is not there");
  return path;
}
