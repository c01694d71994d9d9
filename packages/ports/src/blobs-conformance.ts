export type BlobsHandle = {};
export function blobsConformance(): void {}
