import { randomBytes } from "node:crypto";
import { parentPort, workerData } from "node:worker_threads";
import { templateRenderer } from "../src/ops/render-template.ts";
import type { RenderedTemplate, TemplateQuestion } from "./template-thread.ts";

/* The thread on which the templates of one SealedSecret are rendered; it is given them at its start, and then ends. */
parentPort?.postMessage(renderAll(workerData as TemplateQuestion));

function renderAll({ templates, data }: TemplateQuestion): ReadonlyMap<string, RenderedTemplate> {
  const render = templateRenderer({ now: Date.now, random: (length) => randomBytes(length) });
  return new Map(
    [...templates].map(([item, template]): [string, RenderedTemplate] => {
      try {
        return [item, { text: render(item, template, data) }];
      } catch (error) {
        return [item, { error: error instanceof Error ? error.message : String(error) }];
      }
    }),
  );
}
