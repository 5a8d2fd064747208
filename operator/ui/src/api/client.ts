/** Asks the server: one POST per operation, errors with what the server said. */
import type { TypedDocumentString } from "./__generated__/graphql";

export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message);
  }
}

/** The address of *path* below the prefix that the server wrote into the page. */
export function address(path: string): string {
  return new URL(path, document.baseURI).href;
}

export async function ask<Result, Variables>(
  document: TypedDocumentString<Result, Variables>,
  variables: Variables,
  signal?: AbortSignal,
): Promise<Result> {
  let reply: Response;
  try {
    reply = await fetch(address("graphql"), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ query: document.toString(), variables }),
      signal: signal ?? null,
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError("the server does not answer", 0);
  }
  let body: { data?: Result; errors?: { message: string }[]; message?: string };
  try {
    body = await reply.json();
  } catch {
    throw new ApiError(`the server answered ${reply.status} without a reason`, reply.status);
  }
  if (body.errors?.length) throw new ApiError(body.errors.map((e) => e.message).join("; "), reply.status);
  if (!reply.ok || !body.data) throw new ApiError(body.message ?? `status ${reply.status}`, reply.status);
  return body.data;
}
