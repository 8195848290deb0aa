import { graphql, readFragment, type FragmentType } from "../gql";

const DashboardFragment = graphql(`
  fragment Dashboard on User {
    displayName
    applications {
      id
      code
      name
      url
      viewerPermissions
    }
  }
`);

/** The applications that the viewer's roles allow, and what they may do there. */
export function Dashboard({ viewer }: { viewer: FragmentType<typeof DashboardFragment> }) {
  const { displayName, applications } = readFragment(DashboardFragment, viewer);
  return (
    <>
      <p>Welcome, {displayName}.</p>
      {applications.length === 0 && <p>None of your roles allows an application yet.</p>}
      <ul className="cards" aria-label="Applications">
        {applications.map(({ id, code, name, url, viewerPermissions }) => (
          <li key={id}>
            <strong>{url ? <a href={url}>{name}</a> : name}</strong>
            <span>{viewerPermissions.map((permission) => permission.slice(code.length + 1)).join(", ")}</span>
          </li>
        ))}
      </ul>
    </>
  );
}
