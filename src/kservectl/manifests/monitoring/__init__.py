"""What watches an installation: alert rules and dashboards over the metrics of manager, node agents and agents, as data."""
