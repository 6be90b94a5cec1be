// A dashboard as JSON, typed by Grafana's own schema: https://www.npmjs.com/package/@grafana/schema
import type {
  AnnotationQuery,
  Dashboard,
  DataQuery,
  FieldConfig,
  Panel,
  RowPanel,
  VariableModel,
} from "@grafana/schema";
import type * as BarGauge from "@grafana/schema/dist/types/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen.d.ts";
import type * as Heatmap from "@grafana/schema/dist/types/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen.d.ts";
import type * as Stat from "@grafana/schema/dist/types/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen.d.ts";
import type * as StateTimeline from "@grafana/schema/dist/types/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen.d.ts";
import type * as Table from "@grafana/schema/dist/types/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen.d.ts";
import type * as TimeSeries from "@grafana/schema/dist/types/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen.d.ts";

// Strings in the place of enums, which is what JSON has.
type Json<T> = T extends string ? `${T}` : T extends object ? { [K in keyof T]: Json<T[K]> } : T;

// Grafana puts a panel's own defaults in for what is left out.
type Sparse<T> = T extends object ? { [K in keyof T]?: Sparse<T[K]> } : T;

type Nothing = Record<string, never>;

type Field<Custom> = Omit<FieldConfig, "custom"> & { custom?: Sparse<Custom> };

type Override<Custom> = {
  matcher: { id: "byName" | "byRegexp" | "byType" | "byFrameRefID"; options: string };
  properties: Array<
    | { [K in keyof FieldConfig]-?: { id: K; value: FieldConfig[K] } }[Exclude<keyof FieldConfig, "custom">]
    | { [K in keyof Custom & string]-?: { id: `custom.${K}`; value: Sparse<Custom[K]> } }[keyof Custom & string]
  >;
};

// PromQuery of https://github.com/grafana/grafana/blob/main/packages/grafana-prometheus/src/types.ts
interface PrometheusQuery extends DataQuery {
  expr: string;
  legendFormat?: string;
  format?: "time_series" | "table" | "heatmap";
  instant?: boolean;
  range?: boolean;
  exemplar?: boolean;
  interval?: string;
}

interface PrometheusAnnotation extends AnnotationQuery {
  expr: string;
  step?: string;
  titleFormat?: string;
  textFormat?: string;
}

interface Of<Type extends string, Options, Custom>
  extends Omit<Panel, "type" | "options" | "fieldConfig" | "targets"> {
  type: Type;
  title: string;
  options: Sparse<Options>;
  fieldConfig: { defaults: Field<Custom>; overrides: Array<Override<Custom>> };
  targets: PrometheusQuery[];
}

type AnyPanel =
  | RowPanel
  | Of<"bargauge", BarGauge.Options, Nothing>
  | Of<"heatmap", Heatmap.Options, Heatmap.FieldConfig>
  | Of<"stat", Stat.Options, Nothing>
  | Of<"state-timeline", StateTimeline.Options, StateTimeline.FieldConfig>
  | Of<"table", Table.Options, Table.FieldConfig>
  | Of<"timeseries", TimeSeries.Options, TimeSeries.FieldConfig>;

// The editor of variables shows its own text of the query.
interface Variable extends VariableModel {
  definition?: string;
}

export type Board = Json<
  Omit<Dashboard, "panels" | "annotations" | "templating"> & {
    panels: AnyPanel[];
    annotations: { list: PrometheusAnnotation[] };
    templating: { list: Variable[] };
  }
>;
