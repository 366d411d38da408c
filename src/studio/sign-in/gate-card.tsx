import type { ComponentChildren } from 'preact';
import { useLayoutEffect } from 'preact/hooks';
import { Header } from '../header.js';
import { useLocale } from '../i18n/locale.js';
import type { ViewControls } from '../view-controls.js';

/** A card in the middle of an otherwise empty page: what stands before the studio. */
export function GateCard(props: {
  name: string;
  controls: ViewControls;
  title: string;
  why: string;
  children: ComponentChildren;
}) {
  const { text } = useLocale();
  useLayoutEffect(() => {
    document.title = `${props.title} · ${props.name}`;
  }, [props.title, props.name, text]);
  return (
    <>
      <Header name={props.name} controls={props.controls} />
      <main class="gate">
        <div class="gate-card">
          <h1 class="gate-title">{props.title}</h1>
          <p class="gate-why">{props.why}</p>
          {props.children}
        </div>
      </main>
    </>
  );
}
