// What is said to somebody who may view none of the applications.
import { useMessages } from "../messages";
import { page } from "../page";
import { Page } from "../ui/Page";

export function NoApplications() {
  const { shell } = useMessages();
  return (
    <Page title={page.name}>
      <div className="card">
        <p>{shell.noApplications}</p>
        <p>
          <a href={page.root}>{shell.toDashboard}</a>
        </p>
      </div>
    </Page>
  );
}
