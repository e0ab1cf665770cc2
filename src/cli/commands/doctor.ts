import { KsealError } from "../../errors.ts";
import { diagnose } from "../../ops/doctor.ts";
import type { Action } from "../command.ts";
import { describeDiagnosis, diagnosisAsJson } from "../diagnosis.ts";
import { typesOf } from "../option-parsing.ts";

export const action: Action = async ({ args, options }, { output, context }) => {
  const diagnosis = await diagnose({ paths: args, inputType: typesOf(options).inputType }, await context());
  await output.report(
    describeDiagnosis(diagnosis, { showsAll: args.length === 0 }),
    diagnosisAsJson(diagnosis),
  );
  const isSound = diagnosis.files.every(({ opens }) => opens) && diagnosis.problems.length === 0;
  return isSound ? 0 : new KsealError("FINDINGS", "").exitCode;
};
