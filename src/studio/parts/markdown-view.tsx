import { type ComponentChildren, Fragment } from 'preact';
import { type Block, type Inline, type ListItem, readMarkdown } from './markdown.js';

/** Text as its Markdown means it. Headings begin below those of the page it stands on. */
export function MarkdownView({ text }: { text: string }) {
  return <>{readMarkdown(text).map(blockView)}</>;
}

const BELOW = { 1: 'h4', 2: 'h5' } as const;

function blockView(block: Block, key: number): ComponentChildren {
  switch (block.kind) {
    case 'heading': {
      const Heading = block.level === 1 || block.level === 2 ? BELOW[block.level] : 'h6';
      return <Heading key={key}>{block.parts.map(inlineView)}</Heading>;
    }
    case 'paragraph':
      return <p key={key}>{block.parts.map(inlineView)}</p>;
    case 'code':
      return (
        <pre class="code-block" key={key}>
          <code>{block.text}</code>
        </pre>
      );
    case 'rule':
      return <hr key={key} />;
    case 'quote':
      return <blockquote key={key}>{block.blocks.map(blockView)}</blockquote>;
    case 'list':
      return <ul key={key}>{block.items.map(itemView)}</ul>;
    case 'table':
      return (
        <table class="table table-small" key={key}>
          <thead>
            <tr>
              {block.head.map((cell, index) => (
                <th scope="col" key={index}>
                  {cell.map(inlineView)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {block.rows.map((row, index) => (
              <tr key={index}>
                {row.map((cell, column) => (
                  <td key={column}>{cell.map(inlineView)}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      );
  }
}

function itemView({ depth, number, parts }: ListItem, key: number): ComponentChildren {
  return (
    <li key={key} class={number === null ? undefined : 'numbered'} style={{ marginInlineStart: `${depth * 18}px` }}>
      {number === null ? null : `${number} `}
      {parts.map(inlineView)}
    </li>
  );
}

function inlineView(part: Inline, key: number): ComponentChildren {
  switch (part.kind) {
    case 'text':
      return <Fragment key={key}>{part.text}</Fragment>;
    case 'code':
      return <code key={key}>{part.text}</code>;
    case 'strong':
      return <strong key={key}>{part.parts.map(inlineView)}</strong>;
    case 'emphasis':
      return <em key={key}>{part.parts.map(inlineView)}</em>;
    case 'link':
      return (
        <a key={key} href={part.href} rel="noreferrer noopener" target="_blank">
          {part.parts.map(inlineView)}
        </a>
      );
  }
}
