// What is shown in place of a page that failed, such as one whose files a newer server no longer has.
import { Component, type ReactNode } from "react";

import { useMessages } from "../messages";
import { Button } from "../ui/Button";

export class Crash extends Component<{ children: ReactNode }, { hasFailed: boolean }> {
  override state = { hasFailed: false };

  static getDerivedStateFromError() {
    return { hasFailed: true };
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
