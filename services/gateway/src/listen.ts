import { HeimdexError } from "@heimdex/errors";

/** What went wrong while starting to listen, in words that help. */
export function listenError(which: string, host: string, port: number, reason: unknown): HeimdexError {
  const { code, message } = reason as NodeJS.ErrnoException;
  const metadata = { listener: which, host, port: String(port) };
  // grpc-js tells the code in its text only.
  if (code === "EADDRINUSE" || message.includes("EADDRINUSE"))
    return new HeimdexError("PORT_IN_USE", `${which}: another program listens on ${host}, port ${port}`, {
      metadata,
      help: `Stop the program on port ${port}, or set another port (0 takes any free one).`,
      cause: reason,
    });
  if (code === "EACCES" || message.includes("EACCES"))
    return new HeimdexError("PERMISSION_DENIED", `${which}: may not listen on ${host}, port ${port}`, {
      metadata,
      help: "Ports below 1024 are reserved: choose a higher one.",
      cause: reason,
    });
  return HeimdexError.from(reason);
}
