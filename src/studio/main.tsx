import 'uplot/dist/uPlot.min.css';
import './styles/tokens.css';
import './styles/base.css';
import './styles/layout.css';
import './styles/frame.css';
import './styles/controls.css';
import './styles/forms.css';
import './styles/panels.css';
import './styles/tables.css';
import './styles/playground.css';
import './styles/lab.css';
import './styles/training.css';
import './styles/business.css';
import { render } from 'preact';
import { App } from './app.js';

const root = document.getElementById('studio');
if (root !== null) render(<App />, root);
