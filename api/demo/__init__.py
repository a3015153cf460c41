"""The demo office 新嘉街道: real communities, invented people and work, all of it marked 演示数据."""
