/** Opens the tab of a job, or makes it again. */
import { useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { useEffect, useRef } from "react";

import { JOB_OF_APPLICATION, type Job } from "./tabs";

export function useOpenJob(): (job: Job) => void {
  const { changeTab, addTab } = useGraphiQLActions();
  const { tabs, queryEditor, variableEditor } = useGraphiQL((state) => ({
    tabs: state.tabs,
    queryEditor: state.queryEditor,
    variableEditor: state.variableEditor,
  }));

  return (job) => {
    const name = operationName(job.query);
    const index = tabs.findIndex((tab) => operationName(tab.query ?? "") === name);
    if (index >= 0) {
      changeTab(index);
    } else {
      addTab();
      queryEditor?.setValue(job.query);
      variableEditor?.setValue(job.variables ?? "");
    }
  };
}

/** What the job's operation is called, by which people know the tab. */
function operationName(query: string): string | undefined {
  return /^\s*(?:query|mutation|subscription)\s+(\w+)/m.exec(query)?.[1];
}

/** Opens the job that the address names, as the dashboard's tiles do: `#users`. */
export function JobOfAddress() {
  const openJob = useOpenJob();
  const areEditorsThere = useGraphiQL((state) => Boolean(state.queryEditor && state.variableEditor));
  const open = useRef(() => {});
  open.current = () => {
    const job = JOB_OF_APPLICATION[location.hash.slice(1)];
    if (job) openJob(job);
  };

  useEffect(() => {
    if (!areEditorsThere) return;
    const onHashChange = () => open.current();
    onHashChange();
    window.addEventListener("hashchange", onHashChange);
    return () => window.removeEventListener("hashchange", onHashChange);
  }, [areEditorsThere]);

  return null;
}
