"""CloudWatch's treatment of log lines and data points, by its documentation: filters, metric math, alarms."""
