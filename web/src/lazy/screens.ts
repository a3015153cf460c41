/** The screens that come after the first: loaded as soon as the page is usable, over Vue and modules of the page. */
import Devices from "../phone/screens/Devices.vue";
import HazardPage from "../phone/screens/HazardPage.vue";
import Identities from "../phone/screens/Identities.vue";
import InboxPage from "../phone/screens/InboxPage.vue";
import Password from "../phone/screens/Password.vue";
import StepPage from "../phone/screens/StepPage.vue";
import { provideLazy } from "../shared/lazy";

const screens = { Devices, HazardPage, Identities, InboxPage, Password, StepPage };
export type Screens = typeof screens;

provideLazy("screens", screens);
