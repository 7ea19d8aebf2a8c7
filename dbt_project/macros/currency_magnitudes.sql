{#-
  Units of each currency that a US dollar bought in 2025, rounded. Only the order of
  magnitude is used: a typed-in rate far from it has a misplaced point, or is turned
  round. Currencies that lose most of their value within years are left out.
-#}
{% macro currency_magnitudes() -%}
  {%- do return({
    'AED': 3.67, 'AUD': 1.54, 'BDT': 122, 'BGN': 1.7, 'BRL': 5.4, 'CAD': 1.39, 'CHF': 0.8,
    'CLP': 945, 'CNY': 7.1, 'COP': 4000, 'CZK': 21, 'DKK': 6.5, 'EUR': 0.87, 'GBP': 0.75,
    'HKD': 7.8, 'HUF': 335, 'IDR': 16500, 'ILS': 3.3, 'INR': 88, 'ISK': 125, 'JPY': 150,
    'KES': 129, 'KRW': 1420, 'KZT': 520, 'MAD': 9.2, 'MXN': 18.5, 'MYR': 4.2, 'NOK': 10.1,
    'NZD': 1.74, 'PEN': 3.4, 'PHP': 58, 'PKR': 281, 'PLN': 3.7, 'RON': 4.4, 'SAR': 3.75,
    'SEK': 9.5, 'SGD': 1.3, 'THB': 32.5, 'TWD': 31, 'UAH': 42, 'USD': 1, 'UYU': 40,
    'VND': 26300, 'ZAR': 17.4
  }) -%}
{%- endmacro %}
