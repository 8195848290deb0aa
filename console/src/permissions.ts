// Permissions in words: "Users: view, change".
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

export type Grants = FragmentType<typeof GrantsFragment>;

const applicationOf = (code: string) => code.slice(0, code.indexOf("."));

export function usePermissionWords() {
  const { permissions } = useMessages();
  const { may } = useSession();

  const action = (code: string) => {
    const name = code.slice(code.indexOf(".") + 1);
    return permissions.actions[name] ?? name.replaceAll("-", " ");
  };
  const byApplication = (name: string, codes: readonly string[]) => `${name}: ${codes.map(action).join(", ")}`;
  return {
    /** What a role grants, a line for each application. */
    grants: (role: Grants): string[] =>
      readFragment(GrantsFragment, role).applications.map(({ application, permissions: codes }) =>
        byApplication(permissions.applications[application.code] ?? application.name, codes),
      ),
    /** Some permissions, a line for each application. */
    list: (codes: readonly string[]): string[] => {
      const applications = new Set(codes.map(applicationOf));
      return [...applications].map((code) => {
        const name = permissions.applications[code] ?? code;
        return byApplication(name, codes.filter((each) => applicationOf(each) === code));
      });
    },
    /** What a role grants that the viewer does not hold, and so cannot give to others. */
    beyond: (role: Grants): string[] => readFragment(GrantsFragment, role).permissions.filter((code) => !may(code)),
  };
}
