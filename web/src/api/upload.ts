// One file in one request, with progress. The server takes a multipart stream and keeps a whole file or nothing.
import { answered, base, Problem, problemOf } from "./client";

export interface Upload {
  /** Resolves with the answer's body; rejects with the Problem. */
  done: Promise<unknown>;
  cancel(): void;
}

export function upload(
  path: string,
  file: File,
  fields: Record<string, string>,
  onProgress: (sent: number) => void,
): Upload {
  const request = new XMLHttpRequest();
  const url = base + path;
  const done = new Promise<unknown>((resolve, reject) => {
    request.upload.addEventListener("progress", ({ loaded, total }) => onProgress(total > 0 ? loaded / total : 0));
    request.addEventListener("load", () => {
      answered(request.status, url);
      const body = parse(request.responseText);
      if (request.status < 300) return resolve(body);
      const headers = { get: (name: string) => request.getResponseHeader(name) } as unknown as Headers;
      reject(problemOf({ status: request.status, url: new URL(url, location.href).href, headers }, body));
    });
    request.addEventListener("error", () => reject(new Problem(0, "network", "The upload broke off.", url)));
    request.addEventListener("abort", () => reject(new Problem(0, "cancelled", "cancelled", url)));
  });
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("file", file, file.name);
  request.open("POST", url);
  request.send(form);
  return { done, cancel: () => request.abort() };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
