// What is shown in place of a page that failed, such as one whose files a newer server no longer has.
import { Component, type ReactNode } from "react";
import { useLocation } from "wouter";

import { useMessages } from "../messages";
import { Button } from "../ui/Button";

/** Until somebody goes to another page: that one may be fine. */
export function Crash({ children }: { children: ReactNode }) {
  const [path] = useLocation();
  return <Boundary path={path}>{children}</Boundary>;
}

class Boundary extends Component<{ path: string; children: ReactNode }, { hasFailed: boolean }> {
  override state = { hasFailed: false };

  static getDerivedStateFromError() {
    return { hasFailed: true };
  }

  override componentDidUpdate({ path }: { path: string }) {
    if (this.state.hasFailed && path !== this.props.path) this.setState({ hasFailed: false });
  }

  override render() {
    return this.state.hasFailed ? <Crashed /> : this.props.children;
  }
}

function Crashed() {
  const { errors } = useMessages();
  return (
    <div role="alert" className="alert">
      <p>{errors.crashed}</p>
      <Button onPress={() => location.reload()}>{errors.reload}</Button>
    </div>
  );
}
