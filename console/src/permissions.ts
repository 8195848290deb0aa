// Permissions in words: "Users: view, change".
import { useAsk } from "./ask";
import { graphql, readFragment, type FragmentType } from "./graphql";
import { useMessages } from "./messages";
import { useSession } from "./session";

const GrantsFragment = graphql(`
  fragment Grants on Role {
    permissions
    applications {
      application {
        id
        code
        name
      }
      permissions
    }
  }
`);

// The deployment's own applications have names that no catalogue knows.
const ApplicationNames = graphql(`
  query ApplicationNames {
    applications {
      id
      code
      name
    }
  }
`);

export type Grants = FragmentType<typeof GrantsFragment>;

/** So many applications are named where there is no room for more. */
const SOME = 3;

const applicationOf = (code: string) => code.slice(0, code.indexOf("."));

export function usePermissionWords() {
  const { permissions } = useMessages();
  const { may } = useSession();
  const { data } = useAsk({ query: ApplicationNames, requestPolicy: "cache-first" });

  const application = (code: string) =>
    permissions.applications[code] ?? data?.applications.find((each) => each.code === code)?.name ?? code;
  const action = (code: string) => {
    const name = code.slice(code.indexOf(".") + 1);
    return permissions.actions[name] ?? name.replaceAll("-", " ");
  };
  const byApplication = (name: string, codes: readonly string[]) => `${name}: ${codes.map(action).join(", ")}`;
  const list = (codes: readonly string[]): string[] => {
    const applications = new Set(codes.map(applicationOf));
    return [...applications].map((code) =>
      byApplication(
        application(code),
        codes.filter((each) => applicationOf(each) === code),
      ),
    );
  };
  return {
    /** What an application is called. */
    application,
    /** What a permission is called, without its application. */
    action,
    /** What a role grants, a line for each application. */
    grants: (role: Grants): string[] =>
      readFragment(GrantsFragment, role).applications.map(({ application, permissions: codes }) =>
        byApplication(permissions.applications[application.code] ?? application.name, codes),
      ),
    grantsNothing: (role: Grants): boolean => readFragment(GrantsFragment, role).permissions.length === 0,
    /** Some permissions, a line for each application. */
    list,
    /** The same in short, for a sentence that is about other things. */
    some: (codes: readonly string[]): string => {
      const lines = list(codes);
      return lines.slice(0, SOME).join("; ") + (lines.length > SOME ? " …" : "");
    },
    /** What a role grants that the viewer does not hold, and so cannot give to others. */
    beyond: (role: Grants): string[] => readFragment(GrantsFragment, role).permissions.filter((code) => !may(code)),
  };
}
