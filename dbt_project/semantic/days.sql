select cast(days.range as date) as day
from range(date '2015-01-01', date '2040-01-01', interval 1 day) as days
