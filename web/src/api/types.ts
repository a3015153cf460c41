/** Names for the schemas of the OpenAPI document, from which `npm run types` writes schema.d.ts. */
import type { components } from "./schema";

type Schemas = components["schemas"];
export type Arrangements = Schemas["Arrangements"];
export type Category = Schemas["Category"];
export type Community = Schemas["CommunityView"];
export type CreatedLink = Schemas["CreatedLinkView"];
export type Device = Schemas["DeviceView"];
export type DuplicateCandidate = Schemas["DuplicateCandidate"];
export type FixLink = Schemas["FixLinkView"];
export type Hazard = Schemas["HazardView"];
export type HazardList = Schemas["HazardList"];
export type History = Schemas["HistoryView"];
export type HistoryEntry = Schemas["HistoryEntryView"];
export type IdentityList = Schemas["IdentityList"];
export type Inbox = Schemas["Inbox"];
export type Limits = Schemas["Limits"];
export type Notice = Schemas["NoticeView"];
export type Person = Schemas["PersonView"];
export type Photo = Schemas["PhotoView"];
export type PhotoDeclaration = Schemas["PhotoDeclaration"];
export type Point = Schemas["Point"];
export type Problem = Schemas["Problem"];
export type Report = Schemas["Report"];
export type ReportAnswer = Schemas["ReportView"];
export type Stage = Schemas["Stage"];
export type State = Schemas["State"];
export type Tokens = Schemas["TokenView"];
