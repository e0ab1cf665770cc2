import { Places } from "../src/sealed/places.ts";

/** What became of one template. Texts are Go's strings of go-string.ts. */
export type RenderedTemplate = { readonly text: string } | { readonly error: string };

/**
 * Renders the templates of one SealedSecret away from the main thread.
 *
 * @param templates - By item.
 * @param data - The opened values by item, as Go's strings.
 * @throws BusyError when enough of them are being rendered.
 */
export type RenderApart = (
  templates: ReadonlyMap<string, string>,
  data: ReadonlyMap<string, string>,
) => Promise<ReadonlyMap<string, RenderedTemplate>>;

/** What a thread is asked. */
export interface TemplateQuestion {
  readonly templates: ReadonlyMap<string, string>;
  readonly data: ReadonlyMap<string, string>;
}

/** There is no place for these templates now; later there is. */
class BusyError extends Error {
  override readonly name: string = "BusyError";
}

/** One that waits holds up one of the objects that are worked on; others come again. */
const mostAtOnce = 2;
/** Templates end by themselves after 5 s. This is for what does not look at the clock meanwhile. */
const longest = 20_000;
/** A Secret holds 1 MiB. */
const largestHeapMib = 256;
/** A sibling of this file, in the sources and in the bundle. */
const thread = new URL(
  import.meta.url.endsWith(".ts") ? "./template-worker.ts" : "./template-worker.cjs",
  import.meta.url,
);

/**
 * Renders on a thread of its own for each SealedSecret, one after another: the next one finds nothing of the one before,
 * and what does not end, or fills the memory, is ended from outside.
 */
export function threadPerObject(): RenderApart {
  const place = new Places(1);
  let asked = 0;
  return async (templates, data) => {
    if (asked >= mostAtOnce) throw new BusyError("other templates take long, and these have to wait");
    asked += 1;
    await place.take();
    try {
      return await renderOnThread({ templates, data });
    } finally {
      asked -= 1;
      place.give();
    }
  };
}

async function renderOnThread(question: TemplateQuestion): Promise<ReadonlyMap<string, RenderedTemplate>> {
  // Most objects have no template, and the start is sooner without.
  const { Worker } = await import("node:worker_threads");
  const worker = new Worker(thread, {
    workerData: question,
    env: {},
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: largestHeapMib },
  });
  const answer = Promise.withResolvers<ReadonlyMap<string, RenderedTemplate>>();
  const all = (error: string) => new Map([...question.templates.keys()].map((item) => [item, { error }]));
  worker.once("message", answer.resolve);
  worker.once("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "ERR_WORKER_OUT_OF_MEMORY") {
      answer.resolve(all(`the templates take more than ${largestHeapMib} MiB`));
    } else answer.reject(error);
  });
  const timer = setTimeout(
    () => answer.resolve(all(`the templates take more than ${longest / 1000} seconds`)),
    longest,
  );
  try {
    return await answer.promise;
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}
