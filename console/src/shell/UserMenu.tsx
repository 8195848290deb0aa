// Who is signed in, and what concerns them alone: account, language, signing out.
import { Button, Header, Menu, MenuItem, MenuSection, MenuTrigger, Popover, Separator } from "react-aria-components";
import { useMutation } from "urql";

import { inWords } from "../errors";
import { graphql } from "../graphql";
import { LANGUAGES, useLanguage, useMessages, type Language } from "../messages";
import { page } from "../page";
import { useSession } from "../session";
import { Icon } from "../ui/Icon";
import { useNotice } from "../ui/notice";

const SignOut = graphql(`
  mutation SignOut {
    signOut {
      userErrors {
        message
      }
    }
  }
`);

export function UserMenu() {
  const messages = useMessages();
  const { shell } = messages;
  const { language, setLanguage } = useLanguage();
  const { viewer, leave } = useSession();
  const [, signOut] = useMutation(SignOut);
  const tell = useNotice();

  const end = async () => {
    const { error } = await signOut({});
    if (error) tell(inWords(error, messages), "bad");
    else leave();
  };
  return (
    <MenuTrigger>
      <Button className="user-menu" aria-label={shell.userMenu(viewer.displayName)}>
        <span className="initial" aria-hidden="true" data-letter={[...viewer.displayName][0]?.toUpperCase()} />
        <span className="user-name" dir="auto">
          {viewer.displayName}
        </span>
        <Icon name="down" />
      </Button>
      <Popover className="popover" placement="bottom end">
        <Menu className="menu" aria-label={shell.userMenu(viewer.displayName)} onAction={(key) => key === "sign-out" && void end()}>
          <MenuSection>
            <Header className="menu-who">
              <b dir="auto">{viewer.displayName}</b>
              <span>{viewer.email}</span>
            </Header>
            <MenuItem className="menu-item" id="account" href={`${page.root}account`}>
              {shell.account}
            </MenuItem>
            {page.playground && (
              <MenuItem className="menu-item" id="playground" href={page.playground}>
                {shell.playground}
              </MenuItem>
            )}
          </MenuSection>
          <Separator className="separator" />
          <MenuSection
            selectionMode="single"
            disallowEmptySelection
            selectedKeys={[language]}
            onSelectionChange={(keys) => setLanguage([...(keys as Set<Language>)][0]!)}
          >
            <Header className="menu-head">{shell.language}</Header>
            {LANGUAGES.map(({ code, name }) => (
              <MenuItem className="menu-item" key={code} id={code} textValue={name}>
                <span lang={code}>{name}</span>
                <Icon name="check" />
              </MenuItem>
            ))}
          </MenuSection>
          <Separator className="separator" />
          <MenuItem className="menu-item" id="sign-out">
            {shell.signOut}
          </MenuItem>
        </Menu>
      </Popover>
    </MenuTrigger>
  );
}
