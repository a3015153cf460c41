/** Names for the schemas of the OpenAPI document that only these pages read. */
import type { components } from "../api/schema";

type Schemas = components["schemas"];
export type AdminRequest = Schemas["AdminRequestView"];
export type ApiKey = Schemas["ApiKeyView"];
export type CalendarView = Schemas["CalendarView"];
export type Delegation = Schemas["Delegation"];
export type Delivery = Schemas["DeliveryView"];
export type DispatchRule = Schemas["DispatchRule"];
export type FieldProblem = Schemas["FieldProblem"];
export type LineError = Schemas["LineError"];
export type Monitor = Schemas["MonitorView"];
export type RecoveryCodes = Schemas["RecoveryCodes"];
export type SecurityEvent = Schemas["SecurityEvent"];
export type TotpEnrollment = Schemas["TotpEnrollment"];
export type TotpView = Schemas["TotpView"];
export type Template = Schemas["TemplateView"];
