import { z } from "zod";

/** SHA-256 as 64 lower-case hexadecimal digits. */
export const sha256 = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .meta({
    description: "SHA-256, 64 lower-case hexadecimal digits.",
    examples: ["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
  });

export const blobReference = z
  .looseObject({
    sha256,
    size: z
      .int()
      .min(0)
      .meta({ description: "Size in bytes.", examples: [48_211], "x-unit": "bytes" }),
    media_type: z
      .string()
      .min(1)
      .meta({ description: "Media type of the bytes.", examples: ["image/jpeg"] }),
  })
  .meta({
    id: "BlobReference",
    description: "Immutable bytes in the blob store, named by their content.",
    examples: [
      {
        sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        size: 48_211,
        media_type: "image/jpeg",
      },
    ],
  });
export type BlobReference = z.infer<typeof blobReference>;
