// The fields of forms. Inside of a `Form`, a field with a `name` shows what the server says against it.
import { type ReactNode } from "react";
import * as Aria from "react-aria-components";

import { useMessages } from "../messages";
import { useFieldErrors } from "./form";
import { Icon } from "./Icon";

interface FieldProps {
  /** The name in the mutation's input. */
  name?: string;
  label: string;
  hint?: ReactNode;
  /** Says beside the label that it may stay empty. */
  optional?: boolean;
}

function Label({ label, optional }: Pick<FieldProps, "label" | "optional">) {
  const { common } = useMessages();
  return (
    <Aria.Label>
      {label} {optional && <span className="quiet">({common.optional})</span>}
    </Aria.Label>
  );
}

function Below({ hint, messages }: { hint?: ReactNode; messages: string[] }) {
  return (
    <>
      {hint && (
        <Aria.Text slot="description" className="hint">
          {hint}
        </Aria.Text>
      )}
      <Aria.FieldError className="error">{messages.join(" ")}</Aria.FieldError>
    </>
  );
}

interface TextFieldProps extends FieldProps {
  value: string;
  onChange(value: string): void;
  type?: "text" | "email" | "search" | "date";
  /** How many lines are shown; more than one makes it a field for longer texts. */
  lines?: number;
  maxLength?: number;
  autoFocus?: boolean;
  isReadOnly?: boolean;
  placeholder?: string;
}

export function TextField({ name, label, hint, optional, lines = 1, placeholder, ...field }: TextFieldProps) {
  const messages = useFieldErrors(name);
  return (
    <Aria.TextField
      {...field}
      name={name}
      className="field"
      isInvalid={messages.length > 0}
      validationBehavior="aria"
      autoComplete="off"
      spellCheck="false"
    >
      <Label label={label} optional={optional} />
      {lines > 1 ? <Aria.TextArea rows={lines} placeholder={placeholder} /> : <Aria.Input placeholder={placeholder} />}
      <Below hint={hint} messages={messages} />
    </Aria.TextField>
  );
}

export interface Option<Value extends string> {
  value: Value;
  label: string;
  hint?: ReactNode;
  /** Why it cannot be chosen. */
  why?: string | false;
  /** What it stands below, with those beside it that have the same. */
  group?: string;
}

interface SelectProps<Value extends string> extends FieldProps {
  options: readonly Option<Value>[];
  value: Value;
  onChange(value: Value): void;
}

/** One of a few. */
export function Select<Value extends string>({ name, label, hint, optional, options, value, onChange }: SelectProps<Value>) {
  const messages = useFieldErrors(name);
  return (
    <Aria.Select
      className="field"
      value={value}
      onChange={(key) => onChange(key as Value)}
      isInvalid={messages.length > 0}
      validationBehavior="aria"
    >
      <Label label={label} optional={optional} />
      <Aria.Button className="select">
        <Aria.SelectValue />
        <Icon name="down" />
      </Aria.Button>
      <Below hint={hint} messages={messages} />
      <Options options={options} />
    </Aria.Select>
  );
}

interface MultiSelectProps<Value extends string> {
  label: string;
  options: readonly Option<Value>[];
  values: readonly Value[];
  onChange(values: Value[]): void;
}

/** Any number of several: for filters. None means that it does not matter. */
export function MultiSelect<Value extends string>({ label, options, values, onChange }: MultiSelectProps<Value>) {
  const { common } = useMessages();
  return (
    <Aria.Select className="field" selectionMode="multiple" value={values} onChange={(keys) => onChange(keys as Value[])}>
      <Aria.Label>{label}</Aria.Label>
      <Aria.Button className="select">
        <Aria.SelectValue>
          {values.length === 0
            ? common.all
            : values.map((value) => options.find((option) => option.value === value)?.label ?? value).join(", ")}
        </Aria.SelectValue>
        <Icon name="down" />
      </Aria.Button>
      <Options options={options} />
    </Aria.Select>
  );
}

function Options<Value extends string>({ options }: { options: readonly Option<Value>[] }) {
  const groups = [...new Set(options.map(({ group }) => group))];
  return (
    <Aria.Popover className="popover">
      <Aria.ListBox className="menu">
        {groups.map((group) => {
          const items = options
            .filter((option) => option.group === group)
            .map(({ value, label, hint }) => <Item key={value} value={value} label={label} hint={hint} />);
          if (!group) return items;
          return (
            <Aria.ListBoxSection key={group}>
              <Aria.Header className="menu-head">{group}</Aria.Header>
              {items}
            </Aria.ListBoxSection>
          );
        })}
      </Aria.ListBox>
    </Aria.Popover>
  );
}

function Item<Value extends string>({ value, label, hint }: Option<Value>) {
  return (
    <Aria.ListBoxItem className="menu-item" id={value} textValue={label}>
      <span>
        {label}
        {hint && <small>{hint}</small>}
      </span>
      <Icon name="check" />
    </Aria.ListBoxItem>
  );
}

interface CheckboxProps {
  children: ReactNode;
  /** In a group, which of its values it stands for; the group knows whether it is selected. */
  value?: string;
  isSelected?: boolean;
  onChange?(isSelected: boolean): void;
  isIndeterminate?: boolean;
  /** For one without a text of its own. */
  label?: string;
  hint?: ReactNode;
  /** Why it cannot be changed. */
  why?: string | false;
  /** A class besides `check`. */
  look?: "choice" | "permission";
}

export function Checkbox({ children, label, hint, why, look, ...checkbox }: CheckboxProps) {
  return (
    // Read-only, where it may not be changed: unlike a disabled one, it can be reached, and read.
    <Aria.Checkbox
      {...checkbox}
      className={`check ${look ?? ""}`}
      aria-label={label}
      isReadOnly={Boolean(why)}
      data-off={Boolean(why) || undefined}
    >
      <span className="box" aria-hidden="true">
        <Icon name="check" />
      </span>
      {children && <OptionText label={children} hint={hint} why={why} />}
    </Aria.Checkbox>
  );
}

interface ChoicesProps<Value extends string> extends FieldProps {
  options: readonly Option<Value>[];
  values: readonly Value[];
  onChange(values: Value[]): void;
}

/** Any number of several, all in sight. One that may not be chosen says why. */
export function Choices<Value extends string>({ name, label, hint, optional, options, values, onChange }: ChoicesProps<Value>) {
  const messages = useFieldErrors(name);
  return (
    <Aria.CheckboxGroup
      className="field"
      value={[...values]}
      onChange={(keys) => onChange(keys as Value[])}
      isInvalid={messages.length > 0}
      validationBehavior="aria"
    >
      <OneBelowAnother label={label} hint={hint} optional={optional} messages={messages}>
        {options.map(({ value, label, hint, why }) => (
          <Checkbox key={value} value={value} look="choice" hint={hint} why={why}>
            {label}
          </Checkbox>
        ))}
      </OneBelowAnother>
    </Aria.CheckboxGroup>
  );
}

interface RadiosProps<Value extends string> extends FieldProps {
  options: readonly Option<Value>[];
  value: Value;
  onChange(value: Value): void;
}

/** One of a few, all in sight. One that may not be chosen says why. */
export function Radios<Value extends string>({ name, label, hint, optional, options, value, onChange }: RadiosProps<Value>) {
  const messages = useFieldErrors(name);
  // One that may not be chosen is not disabled: the keyboard reaches it, and it is read.
  const choose = (key: string) => {
    const option = options.find(({ value }) => value === key);
    if (option && !option.why) onChange(option.value);
  };
  return (
    <Aria.RadioGroup
      className="field"
      value={value}
      onChange={choose}
      isInvalid={messages.length > 0}
      validationBehavior="aria"
    >
      <OneBelowAnother label={label} hint={hint} optional={optional} messages={messages}>
        {options.map((option) => (
          <Aria.Radio className="check choice" key={option.value} value={option.value} data-off={Boolean(option.why) || undefined}>
            <span className="box round" aria-hidden="true" />
            <OptionText {...option} />
          </Aria.Radio>
        ))}
      </OneBelowAnother>
    </Aria.RadioGroup>
  );
}

function OneBelowAnother({ children, messages, hint, ...label }: FieldProps & { children: ReactNode; messages: string[] }) {
  return (
    <>
      <Label {...label} />
      {hint && (
        <Aria.Text slot="description" className="hint">
          {hint}
        </Aria.Text>
      )}
      <div className="choices">{children}</div>
      <Below messages={messages} />
    </>
  );
}

function OptionText({ label, hint, why }: { label: ReactNode; hint?: ReactNode; why?: string | false }) {
  return (
    <span>
      {label}
      {hint && <small>{hint}</small>}
      {why && <small className="reason">{why}</small>}
    </span>
  );
}
