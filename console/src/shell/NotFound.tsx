// What is said of an address at which there is nothing, or nothing that the viewer may see.
import { useMessages } from "../messages";
import { page } from "../page";
import { Page } from "../ui/Page";

export function NotFound() {
  const { common, shell } = useMessages();
  return (
    <Page title={common.notFoundTitle}>
      <div className="card">
        <p>{common.notFound}</p>
        <p>
          <a href={page.root}>{shell.toDashboard}</a>
        </p>
      </div>
    </Page>
  );
}
