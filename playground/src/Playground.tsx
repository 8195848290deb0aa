/** The page: GraphiQL below a bar that says who is signed in. */
import { explorerPlugin } from "@graphiql/plugin-explorer";
import { DOC_EXPLORER_PLUGIN, DocExplorerStore } from "@graphiql/plugin-doc-explorer";
import { HISTORY_PLUGIN, HistoryStore } from "@graphiql/plugin-history";
import { GraphiQLProvider } from "@graphiql/react";
import { GraphiQL, GraphiQLInterface } from "graphiql";
import { useMemo, useState } from "react";

import { createFetcher } from "./api";
import { Header } from "./Header";
import { useSession } from "./session";
import { lastActiveTab, storage } from "./storage";
import { JOBS } from "./tabs";
import { JobOfAddress } from "./useOpenJob";

const PLUGINS = [DOC_EXPLORER_PLUGIN, HISTORY_PLUGIN, explorerPlugin()];

export function Playground() {
  const session = useSession();
  const { refresh } = session;
  const fetcher = useMemo(() => createFetcher(refresh), [refresh]);
  // GraphiQL restores the tabs, but shows the variables of the first one only where it is told to.
  const [start] = useState(() => lastActiveTab() ?? JOBS[0]);

  return (
    <GraphiQLProvider
      fetcher={fetcher}
      storage={storage}
      plugins={PLUGINS}
      referencePlugin={DOC_EXPLORER_PLUGIN}
      defaultTabs={JOBS}
      initialQuery={start.query}
      initialVariables={start.variables}
      shouldPersistHeaders={false}
    >
      <Header session={session} />
      <main className="playground-workbench">
        <HistoryStore>
          <DocExplorerStore>
            <GraphiQLInterface showPersistHeadersSettings={false} defaultEditorToolsVisibility="variables">
              {/* The name stands in the header. */}
              <GraphiQL.Logo>{null}</GraphiQL.Logo>
            </GraphiQLInterface>
          </DocExplorerStore>
        </HistoryStore>
      </main>
      <JobOfAddress />
    </GraphiQLProvider>
  );
}
